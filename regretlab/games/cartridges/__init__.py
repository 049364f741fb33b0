"""Our cartridges: C sources, the ROMs built from them, and the build."""
