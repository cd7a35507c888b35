SELECT count(*) FROM changes AS change WHERE ${wanted} AND ${visible}
