"""The main job before your eyes."""
