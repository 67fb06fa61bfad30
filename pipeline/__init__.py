"""Nightreel: a manifest of prompts and images in, finished and checked MP4 files out."""
