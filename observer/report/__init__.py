"""An analysis as people and other programs read it: one file per form."""
