"""Expressions and templates as Backstage's scaffolder evaluates them: nunjucks' grammar over JavaScript's values, in a sandbox."""
