UNWIND $claims AS claim
CREATE (c:Claim)
SET c = claim
