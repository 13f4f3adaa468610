"""The networks, one per file with the state-dict names of the released weights, behind one interface."""
