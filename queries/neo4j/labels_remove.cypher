UNWIND $labels AS row
MATCH (e:Ref {ref: row[0]})
REMOVE e:$(row[1])
