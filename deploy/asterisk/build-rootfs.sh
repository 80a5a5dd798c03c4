#!/bin/sh
# Builds once a small root file system that holds Asterisk, for machines whose own packages have none: tests, benches, CI.
#   usage: build-rootfs.sh [FOLDER [SUITE]]     FOLDER: ACCUEIL_ASTERISK, else ~/.cache/accueil/asterisk; SUITE of Debian: forky
# About 45 s and 300 MB; asks for root and debootstrap. A folder that is already built is left alone, an interrupted one is made again.
# The Debian mirror is the one this machine already uses, or the variable MIRROR.
set -eu

folder=${1:-${ACCUEIL_ASTERISK:-${ACCUEIL_CACHE:-$HOME/.cache/accueil}/asterisk}}
suite=${2:-forky}
stop() { printf '%s\n' "$*" >&2; exit 2; }

[ ! -x "$folder/usr/sbin/asterisk" ] || { echo "Déjà construit : $folder"; exit 0; }
[ ! -e "$folder" ] || [ -z "$(ls -A "$folder")" ] || stop "$folder contient autre chose : donnez un dossier vide ou absent."
[ "$(id -u)" = 0 ] || stop "debootstrap demande root : relancez avec sudo."
command -v debootstrap >/dev/null || stop "Le paquet debootstrap manque. Debian, Ubuntu : sudo apt install debootstrap."

mirror=${MIRROR:-$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "Debian" && $2 ~ /\/debian\/?$/ { print $2; exit }')}
[ -n "$mirror" ] || stop "Aucun miroir Debian dans les sources d'apt : donnez-en un, MIRROR=…"

# A debootstrap older than the suite does not know it by name; the script of sid suits all recent ones.
script=/usr/share/debootstrap/scripts/$suite
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid

mkdir -p "$(dirname "$folder")"
draft=$(mktemp -d "$folder.XXXXXX")  # beside its final place, so that it appears there whole, in one move
trap 'rm -rf --one-file-system "$draft"' EXIT
trap 'exit 130' INT TERM HUP
debootstrap --variant=minbase --include=asterisk "$suite" "$draft" "$mirror" "$script"
rm -rf "$draft"/var/cache/apt/archives/*.deb "$draft"/var/lib/apt/lists/* "$draft"/usr/share/doc/* "$draft"/usr/share/man/* "$draft"/usr/share/locale/*
chmod 755 "$draft"
[ ! -d "$folder" ] || rmdir "$folder"
mv "$draft" "$folder"
trap - EXIT
echo "Prêt : $folder ($(chroot "$folder" /usr/sbin/asterisk -V))"
