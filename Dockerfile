# Two stages: the first builds the wheel, GraphiQL included, and installs it with what requirements.lock pins; the second only runs it.
FROM python:3.13.5-slim-bookworm AS build

# Package mirrors, where there are any. They stay in this stage.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG npm_config_registry

WORKDIR /src
COPY requirements.lock requirements-uv.lock ./
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes --requirement requirements-uv.lock \
    && /opt/uv/bin/uv venv /opt/callboard \
    && /opt/uv/bin/uv pip sync --no-cache --compile-bytecode --require-hashes --python /opt/callboard requirements.lock
COPY . .
RUN /opt/uv/bin/uv build --no-cache --wheel --out-dir /dist \
    && /opt/uv/bin/uv pip install --no-cache --compile-bytecode --no-deps --python /opt/callboard /dist/*.whl

FROM python:3.13.5-slim-bookworm

LABEL org.opencontainers.image.title="Callboard" \
      org.opencontainers.image.description="A software catalog kept as a knowledge graph, served over GraphQL." \
      org.opencontainers.image.licenses="Apache-2.0"

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 callboard \
    && useradd --uid 10001 --gid callboard --no-create-home --home-dir /var/lib/callboard callboard \
    && install --directory --owner=callboard --group=callboard /var/lib/callboard
COPY --from=build /opt/callboard /opt/callboard

ENV PATH=/opt/callboard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/callboard
VOLUME /var/lib/callboard
EXPOSE 7007

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7007/livez', timeout=3)"]

ENTRYPOINT ["callboard"]
CMD ["serve", "--config", "/etc/callboard/app-config.yaml"]
