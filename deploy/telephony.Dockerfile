# The telephony process of Accueil. Built by `docker compose build`, from the root of the project. It brings an Asterisk of its own, on which
# every version is tried before it reaches the one that serves callers, and espeak-ng, the voice that is always there.
FROM debian:forky-slim
LABEL org.opencontainers.image.title="Accueil, processus téléphonique" org.opencontainers.image.description="Publishes the phone script, hears questions, keeps the journal of calls"
ENV PATH=/opt/accueil/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    KNOWLEDGE_DATABASE=sqlite:////var/lib/accueil/accueil.db KNOWLEDGE_INDEX=/var/lib/accueil/index \
    TELEPHONY_LINE=/var/lib/accueil/line TELEPHONY_LOGS=/var/lib/accueil/asterisk/log
RUN apt-get update \
    && apt-get install --yes --no-install-recommends asterisk espeak-ng python3 python3-venv tzdata \
    && rm -rf /var/lib/apt/lists/* /etc/asterisk \
    && useradd --system --uid 10001 --home-dir /var/lib/accueil --create-home accueil
COPY requirements-server.lock /tmp/
RUN python3 -m venv /opt/accueil \
    && /opt/accueil/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements-server.lock
WORKDIR /srv/accueil
COPY knowledge knowledge
COPY bot bot
COPY telephony telephony
COPY deploy/asterisk deploy/asterisk
USER accueil
VOLUME /var/lib/accueil
CMD ["python", "-m", "telephony", "serve", "--prepare"]
