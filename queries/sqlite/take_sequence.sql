UPDATE counters SET value = value + :taken WHERE name = 'sequence'
