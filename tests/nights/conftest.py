"""What happens here happens in virtual time: its files need no disk."""

from support.folders import tmp_path as tmp_path
