# The mock, the suite and the load instrument in one image: docker build -t mixtral-contract .
#
#   docker run -p 127.0.0.1:8000:8000 mixtral-contract
#   docker run --network host mixtral-contract pytest contract_tests --base-url http://127.0.0.1:8000 --dialect nvidia
#   docker run --network host mixtral-contract locust -f load/ --headless --host http://127.0.0.1:8000 -u 20 -t 60s
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY spec spec
COPY mock_server mock_server
COPY contract_tests contract_tests
COPY load load
# in place, so that the paths of the README are those of the image
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -c constraints.txt -e .

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin mixtral \
    && mkdir -p /app/reports && chown mixtral /app/reports
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["python", "-m", "mock_server", "--host", "0.0.0.0", "--port", "8000"]
