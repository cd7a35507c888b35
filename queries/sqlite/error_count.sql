SELECT count(*) FROM errors AS error WHERE ${wanted}
