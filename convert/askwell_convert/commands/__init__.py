"""The subcommands: each a module with NAME, add_arguments(parser) and run(arguments) -> exit code."""
