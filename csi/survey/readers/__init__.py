"""Readers of survey files: each turns one kind of file into a `RawTable` of texts."""
