"""The doors to what manifests name: for now pictures. Tables and globs will be files of their own.

`images` checks a picture at planning, `known` remembers which were checked, `prepare` makes the bytes that
are sent. All of them rest on `formats`, which reads how a file is laid out, without decoding it.
"""
