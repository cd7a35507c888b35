"""Inference: what CODEOWNERS files and package manifests of a repository tell about owners and dependencies."""
