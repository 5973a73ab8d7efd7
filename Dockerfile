# syntax=docker/dockerfile:1

# CUDA:  docker build -t vigil .
# CPU:   docker build -t vigil:cpu --build-arg TORCH_INDEX_URL=<PyTorch's wheel index for CPU> .
#
# TORCH_INDEX_URL is where torch comes from, see "Get started" on PyTorch's site for the index of your platform. Empty:
# the default package index, whose Linux build runs on CUDA and on the CPU. CUDA itself comes with torch's wheels:
# the host needs the NVIDIA driver and its container toolkit, the image no CUDA base.
# Builds for linux/amd64 and linux/arm64.

ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv /opt/vigil
ENV PATH=/opt/vigil/bin:$PATH
WORKDIR /build

# The requirements first: they change seldom, and this layer is nearly all of the image.
COPY requirements/runtime.txt requirements/
# The lock pins it.
# hadolint ignore=DL3013
RUN torch="$(grep '^torch==' requirements/runtime.txt)" \
    && pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} "$torch" \
    && pip install --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY deployments deployments
COPY serve_app serve_app
COPY vigil_cli vigil_cli
RUN pip install --no-deps . ./client


FROM python:${PYTHON_VERSION}-slim-bookworm
LABEL org.opencontainers.image.title="Vigil" \
      org.opencontainers.image.description="Self-hosted image and video moderation on Ray Serve" \
      org.opencontainers.image.licenses="Apache-2.0"

# uid 10001, by number so that Kubernetes can check runAsNonRoot. /models is the only place that is written to
# beside /tmp, so the root file system may be read-only.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin vigil \
    && install --directory --owner=10001 --group=10001 /models
COPY --from=build /opt/vigil /opt/vigil
# Where torch is a CUDA build: Triton, which compiles models for GPUs, compiles its own launchers in C.
# hadolint ignore=DL3008
RUN if [ -n "$(find /opt/vigil/lib -maxdepth 3 -name triton)" ]; then \
        apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*; \
    fi
WORKDIR /app
COPY serve_config.yaml ./

ENV PATH=/opt/vigil/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    HF_HOME=/models \
    RAY_TMPDIR=/tmp \
    RAY_USAGE_STATS_ENABLED=0
VOLUME /models
EXPOSE 8000
USER 10001:10001

# SIGTERM lets accepted requests finish: give `docker stop` more time than --drain-seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --start-interval=2s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["vigil"]
CMD ["serve", "serve_config.yaml"]
