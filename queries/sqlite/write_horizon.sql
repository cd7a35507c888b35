UPDATE log_horizon SET sequence = :sequence, at = :at
