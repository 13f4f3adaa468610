#!/usr/bin/env bash
# `Item.from_file` of pystac gives another item than the file holds.
#
# With: pystac 1.15.2
# Expected: the item of the file, so that `Item.from_file(path).validate()` says whether the file is valid.
# Found: extensions are brought to newer versions, and fields that these no longer have are gone. An item of projection
# 1.2 may hold `proj:code` and `proj:epsg` side by side, for readers of both generations; what is read says 2.0.0 and
# has no `proj:epsg`.
# Matters: validating what was read says nothing about the file, and an item that is written again loses its older
# readers. To check a file, check its JSON.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" pystac==1.15.2
cat > "$folder/try.py" <<'EOF'
import json
import sys
from pathlib import Path

import pystac

path = Path(sys.argv[1]) / "item.json"
box = [12.0, 52.0, 13.0, 53.0]
ring = [[12.0, 52.0], [13.0, 52.0], [13.0, 53.0], [12.0, 53.0], [12.0, 52.0]]
item = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "stac_extensions": ["https://stac-extensions.github.io/projection/v1.2.0/schema.json"],
    "id": "one",
    "geometry": {"type": "Polygon", "coordinates": [ring]},
    "bbox": box,
    "properties": {"datetime": "2022-06-11T10:21:01Z", "proj:epsg": 32633, "proj:code": "EPSG:32633"},
    "links": [],
    "assets": {},
}
path.write_text(json.dumps(item))
read = pystac.Item.from_file(str(path)).to_dict()
print(f"pystac {pystac.__version__}")
print("in the file:", item["stac_extensions"][0].split("/")[-2], sorted(k for k in item["properties"] if "proj" in k))
print("as read:", read["stac_extensions"][0].split("/")[-2], sorted(k for k in read["properties"] if "proj" in k))
assert "proj:epsg" not in read["properties"] and "v2" in read["stac_extensions"][0], "items are read as they are"
EOF
"$folder/env/bin/python" "$folder/try.py" "$folder"
