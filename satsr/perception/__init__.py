"""Networks that look at images as a whole: CLIPs, which know captions, and trunks, whose inner layers are compared.

Published weights drop in by name; without them the study trains its own. A network on the loss side never judges.
"""
