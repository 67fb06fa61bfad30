"""The doors to what manifests name: for now pictures. Tables and globs will be files of their own."""
