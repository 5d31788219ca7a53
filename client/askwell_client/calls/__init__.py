"""The calls of each service: arguments in, ``Call`` out. No I/O, but for a document that a path names."""
