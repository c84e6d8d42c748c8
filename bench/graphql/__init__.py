"""How fast GraphQL reads are, beside the limit of the machine and other GraphQL servers on the same rows."""
