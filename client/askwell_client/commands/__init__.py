"""The subcommands of ``askwell``, one file each."""
