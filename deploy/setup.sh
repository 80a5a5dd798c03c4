#!/bin/sh
# Makes the environment of Accueil in .venv, once for each lock file. Safe to interrupt and to start again; works offline once done.
# Usage: deploy/setup.sh [requirements.lock]
set -u
cd "$(dirname "$0")/.." || exit 1
lock=${1:-requirements.lock}
mkdir -p var || { echo "Impossible d'écrire dans ce dossier : vérifiez vos droits et l'espace disque."; exit 1; }

python=""
for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "Il faut Python 3.11 ou plus récent. Sous Debian ou Ubuntu : sudo apt install python3 python3-venv"
    exit 1
fi

wanted="$(cat "$lock" | cksum) $("$python" --version 2>&1)"
if [ -x .venv/bin/python ] && [ "$(cat ".venv/installed-$lock" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

if [ ! -x .venv/bin/pip ]; then
    echo "Création de l'environnement (.venv)…"
    rm -rf .venv
    if ! "$python" -m venv .venv >var/install.log 2>&1; then
        rm -rf .venv
        if grep -qi ensurepip var/install.log; then
            echo "Le module venv de Python manque. Sous Debian ou Ubuntu : sudo apt install python3-venv, puis relancez la même commande."
        else
            echo "L'environnement n'a pas pu être créé : lisez var/install.log (souvent : disque plein ou droits), puis relancez la même commande."
        fi
        exit 1
    fi
fi

echo "Installation des dépendances (une à deux minutes la première fois)…"
.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$lock" >var/install.log 2>&1 &
installer=$!
trap 'kill $installer 2>/dev/null; echo; echo "Interrompu : relancez la même commande, elle reprendra."; exit 130' INT TERM
while kill -0 $installer 2>/dev/null; do
    printf '\r  %s paquets préparés' "$(grep -cE '^(Collecting|Requirement already|  Using cached|Installing)' var/install.log 2>/dev/null)"
    sleep 1
done
printf '\r                                   \r'
if ! wait $installer; then
    if grep -qi 'no space left' var/install.log; then
        echo "Le disque est plein : libérez de l'espace (environ 1 Go), puis relancez la même commande."
    elif grep -qiE 'connection|resolve|network|timed out|no matching distribution' var/install.log; then
        echo "Les dépendances n'ont pas pu être téléchargées : vérifiez l'accès à internet (ou au miroir de paquets), puis relancez la même commande."
    else
        echo "L'installation a échoué : lisez la fin de var/install.log, puis relancez la même commande."
    fi
    exit 1
fi
echo "$wanted" > ".venv/installed-$lock"
# the development lock holds everything of the other one
[ "$lock" != requirements-dev.lock ] || echo "$(cat requirements.lock | cksum) $("$python" --version 2>&1)" > .venv/installed-requirements.lock
