# syntax=docker/dockerfile:1
# Three images of one program; each carries the packages of its part (`[dependency-groups]` of
# pyproject.toml, in the versions of constraints.txt), and none of them a tool to build with:
#
#   docker build --target tap     -t auditstream-tap .
#   docker build --target worker  -t auditstream-worker .
#   docker build --target console -t auditstream-console .
#
# They run as user 10001 on a root that may be read-only. What must outlive a container is in
# /data, the tap's spool above all; the keys are mounted at /keys, each part's own and no others.

FROM python:3.11.14-slim-bookworm AS python

FROM python AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m pip install pip==25.3
RUN python -m venv --without-pip /opt/auditstream
WORKDIR /src
COPY pyproject.toml constraints.txt ./

FROM build AS package
COPY . .
RUN python -m pip wheel --no-deps --wheel-dir /wheels .

FROM build AS build-tap
RUN python -m pip --python /opt/auditstream/bin/python install --constraint constraints.txt --group tap
RUN --mount=from=package,source=/wheels,target=/wheels python -m pip --python /opt/auditstream/bin/python install --no-deps --no-index --find-links /wheels auditstream

FROM build AS build-worker
RUN python -m pip --python /opt/auditstream/bin/python install --constraint constraints.txt --group worker
RUN --mount=from=package,source=/wheels,target=/wheels python -m pip --python /opt/auditstream/bin/python install --no-deps --no-index --find-links /wheels auditstream

FROM build AS build-console
RUN python -m pip --python /opt/auditstream/bin/python install --constraint constraints.txt --group console
RUN --mount=from=package,source=/wheels,target=/wheels python -m pip --python /opt/auditstream/bin/python install --no-deps --no-index --find-links /wheels auditstream

FROM python AS image
RUN python -m pip uninstall --yes pip setuptools wheel \
 && groupadd --system --gid 10001 auditstream \
 && useradd --system --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home auditstream \
 && install --directory --owner=auditstream --group=auditstream --mode=0700 /data /keys
ENV PATH=/opt/auditstream/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AUDITSTREAM_DATA=/data \
    AUDITSTREAM_KEYS=/keys \
    AUDITSTREAM_LOG_JSON=true
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["auditstream"]

FROM image AS tap
COPY --from=build-tap /opt/auditstream /opt/auditstream
ENV AUDITSTREAM_LISTEN=0.0.0.0:8080 AUDITSTREAM_TAP__CONTROL=0.0.0.0:8081
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-P", "-m", "cli.healthy", "8081"]
CMD ["tap"]

FROM image AS worker
COPY --from=build-worker /opt/auditstream /opt/auditstream
ENV AUDITSTREAM_WORKER__CONTROL=0.0.0.0:8083
EXPOSE 8083
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-P", "-m", "cli.healthy", "8083"]
CMD ["worker"]

FROM image AS console
COPY --from=build-console /opt/auditstream /opt/auditstream
ENV AUDITSTREAM_CONSOLE__LISTEN=0.0.0.0:8082
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-P", "-m", "cli.healthy", "8082"]
CMD ["console"]
