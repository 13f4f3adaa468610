"""Downloads of the published data sets: where from, resumed, checked, unpacked."""
