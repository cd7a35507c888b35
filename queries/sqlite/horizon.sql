SELECT json_array(sequence, at) FROM log_horizon
