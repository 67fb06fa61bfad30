"""Nightreel: a manifest of prompts and images in, finished and checked MP4 files out."""

__version__ = "0.1.0"
