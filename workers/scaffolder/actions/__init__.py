"""The actions that Callboard brings: inputs and outputs are Backstage's, or those of the package that made them common."""
