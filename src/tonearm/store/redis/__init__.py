"""The distributed store: one Redis or Valkey that any number of processes share."""
