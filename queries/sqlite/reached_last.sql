SELECT coalesce(max(place), 0) FROM temp.reached
