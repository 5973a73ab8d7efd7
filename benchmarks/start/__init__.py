"""How long Vigil takes from its start to its first answer, beside an earlier Vigil."""
