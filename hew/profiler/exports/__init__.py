"""Profiles in the formats of other tools, from the models: pprof's protobuf, gprof's flat text, files at exit."""
