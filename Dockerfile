# The source tree with its dependencies: a wheel would leave catalogue/, samples/ and the like out.
FROM python:3.11.15-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --require-hashes -r requirements.lock
COPY . .
RUN /venv/bin/pip install --no-deps --no-build-isolation -e .

FROM python:3.11.15-slim-bookworm
LABEL org.opencontainers.image.title="danbiet" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DANBIET_DATA=/var/lib/danbiet \
    DANBIET_HOST=0.0.0.0 \
    DANBIET_METRICS_PORT=9090
RUN groupadd --gid 10001 danbiet \
    && useradd --uid 10001 --gid danbiet --no-create-home --home-dir /var/lib/danbiet --shell /usr/sbin/nologin danbiet \
    && install --directory --owner danbiet --group danbiet --mode 0750 /var/lib/danbiet
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
VOLUME /var/lib/danbiet
EXPOSE 9090
# Of a long-running process (worker, up); a one-shot command ends before it is asked.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['DANBIET_METRICS_PORT']}/metrics\", timeout=4)"]
# `docker run danbiet due ...` is the CLI; the worker is `--entrypoint python danbiet worker.py`.
ENTRYPOINT ["danbiet"]
CMD ["--help"]
