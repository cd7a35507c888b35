"""Background jobs: one queue, one worker, and a folder for each thing that is done in the background."""
