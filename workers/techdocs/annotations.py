"""The annotations by which entities say where their documentation is.

https://backstage.io/docs/features/software-catalog/well-known-annotations
"""

REFERENCE = "backstage.io/techdocs-ref"
OTHER_ENTITY = "backstage.io/techdocs-entity"
OTHER_PATH = "backstage.io/techdocs-entity-path"
