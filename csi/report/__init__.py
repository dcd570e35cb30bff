"""How results are shown: the only room that formats."""
