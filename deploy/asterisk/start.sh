#!/bin/sh
# Starts the Asterisk of Accueil: renders this folder's configuration for one instance, then becomes Asterisk.
#   usage: start.sh STATE [PROGRAM [ARGUMENT…]]     PROGRAM: asterisk by default; the tests and the publisher give another
# STATE holds what belongs to this instance (rendered configuration, database, logs). Values come from the environment, under the names of
# docs/settings.md; a secret that is absent or weak is refused, and no secret has a default.
set -eu
umask 027

here=$(cd "$(dirname "$0")" && pwd)
state=${1:?"start.sh STATE [PROGRAM [ARGUMENT…]]"}
shift
[ $# -gt 0 ] || set -- asterisk

: "${TELEPHONY_LINE:=var/line}" "${TELEPHONY_SIP_ADDRESS:=127.0.0.1:5060}" "${TELEPHONY_AMI_PORT:=5038}"
: "${TELEPHONY_RTP_PORTS:=10000-19999}" "${TELEPHONY_AUDIO_ADDRESS:=127.0.0.1:9092}"
: "${TELEPHONY_TRUNK:=127.0.0.1}" "${TELEPHONY_DESKS:=127.0.0.1:5070}" "${TELEPHONY_SWITCHBOARD:=1000}" "${KNOWLEDGE_TIMEZONE:=Europe/Paris}"
export TZ="$KNOWLEDGE_TIMEZONE"

stop() { printf '%s\n' "$*" >&2; exit 1; }

# A value goes into configuration files: only harmless characters pass.
plain() {  # NAME VALUE ALLOWED
    case $2 in
    "" | *[!$3]*) stop "Réglage incorrect : $1. Voyez docs/settings.md, corrigez .env ou la variable, puis relancez." ;;
    esac
}
secret() {  # NAME VALUE
    case $2 in *[!A-Za-z0-9_-]*) stop "Le secret $1 contient un caractère interdit : lettres, chiffres, « _ » et « - » seulement." ;; esac
    [ ${#2} -ge 24 ] || stop "Le secret $1 manque ou a moins de 24 caractères. Tirez-le avec : python3 -c \"import secrets; print(secrets.token_urlsafe(32))\""
}
for name in TELEPHONY_AMI_VIEW_SECRET TELEPHONY_AMI_PUBLISH_SECRET TELEPHONY_PROOF_SECRET TELEPHONY_CALLER_KEY; do
    eval "secret $name \"\${$name:-}\""
done
for name in TELEPHONY_SIP_ADDRESS TELEPHONY_AUDIO_ADDRESS TELEPHONY_DESKS; do
    eval "plain $name \"\$$name\" A-Za-z0-9.:-"
done
plain TELEPHONY_AMI_PORT "$TELEPHONY_AMI_PORT" 0-9
plain TELEPHONY_RTP_PORTS "$TELEPHONY_RTP_PORTS" 0-9-
plain TELEPHONY_TRUNK "$TELEPHONY_TRUNK" 0-9a-f.:/,
plain TELEPHONY_SWITCHBOARD "$TELEPHONY_SWITCHBOARD" 0-9

mkdir -p "$TELEPHONY_LINE/sounds/fr" "$TELEPHONY_LINE/sounds/en" "$TELEPHONY_LINE/messages" "$state/etc" "$state/lib" "$state/db" "$state/keys" "$state/run" "$state/spool/tmp" "$state/spool/recording" \
    "$state/log/cdr-custom" "$state/log/cel-custom" "$state/data/sounds"
state=$(cd "$state" && pwd)
line=$(cd "$TELEPHONY_LINE" && pwd)
plain TELEPHONY_LINE "$line" A-Za-z0-9_./-
plain STATE "$state" A-Za-z0-9_./-

# Where this Asterisk's own files are: beside the program (…/usr/sbin/asterisk) that will run, which is the last argument that is a path.
program=$(command -v "$1") || stop "Asterisk est introuvable : $1. Installez le paquet asterisk, ou réglez TELEPHONY_ASTERISK."
for argument in "$@"; do case $argument in /*/sbin/asterisk) program=$argument ;; esac; done
prefix=${program%/usr/sbin/asterisk}
for modules in "$prefix"/usr/lib/*/asterisk/modules "$prefix"/usr/lib/asterisk/modules; do [ -d "$modules" ] && break; done
[ -d "$modules" ] || stop "Les modules d'Asterisk sont introuvables sous $prefix/usr/lib. Réinstallez le paquet asterisk."

# Only the modules that the line uses can be found: the right « system » of AMI can load modules, and some run programs.
rm -rf "$state/modules"
mkdir "$state/modules"
sed -n 's/^load = //p' "$here/modules.conf" | while read -r module; do ln -s "$modules/$module" "$state/modules/$module"; done

ln -sfn "$prefix/usr/share/asterisk/documentation" "$state/data/documentation"
ln -sfn "$line/sounds" "$state/data/sounds/accueil"
for language in fr en; do ln -sfn "$line/sounds/$language" "$state/data/sounds/$language"; done
ln -sfn "$here/sounds" "$state/data/sounds/fixed"

( umask 077
cat >"$state/values.sed" <<SED
s|@STATE@|$state|g
s|@LINE@|$line|g
s|@SOUNDS@|$here/sounds|g
s|@SBIN@|${program%/*}|g
s|@SIP_HOST@|${TELEPHONY_SIP_ADDRESS%:*}|g
s|@SIP_ADDRESS@|$TELEPHONY_SIP_ADDRESS|g
s|@AMI_PORT@|$TELEPHONY_AMI_PORT|g
s|@RTP_START@|${TELEPHONY_RTP_PORTS%-*}|g
s|@RTP_END@|${TELEPHONY_RTP_PORTS#*-}|g
s|@AUDIO_ADDRESS@|$TELEPHONY_AUDIO_ADDRESS|g
s|@TRUNK@|$TELEPHONY_TRUNK|g
s|@DESKS_HOST@|${TELEPHONY_DESKS%:*}|g
s|@DESKS@|$TELEPHONY_DESKS|g
s|@SWITCHBOARD@|$TELEPHONY_SWITCHBOARD|g
s|@VIEW_SECRET@|$TELEPHONY_AMI_VIEW_SECRET|g
s|@PUBLISH_SECRET@|$TELEPHONY_AMI_PUBLISH_SECRET|g
s|@PROOF_SECRET@|$TELEPHONY_PROOF_SECRET|g
s|@CALLER_KEY@|$TELEPHONY_CALLER_KEY|g
SED
for file in "$here"/*.conf; do sed -f "$state/values.sed" "$file" >"$state/etc/${file##*/}"; done
rm -f "$state/values.sed" )
# Asterisk complains of these when they are absent; nothing in them is used.
for name in ccss features udptl; do echo '[general]' >"$state/etc/$name.conf"; done
for name in acl pjproject; do echo '; nothing' >"$state/etc/$name.conf"; done
if grep -l '@[A-Z_]*@' "$state"/etc/*.conf; then stop "Un jeton de configuration n'a pas de valeur : fichier ci-dessus."; fi

# An instance that a program starts for itself (a candidate, a test) must not outlive it: the end of its standard input ends it too.
if [ "${ENDS_WITH_ITS_STARTER:-no}" = yes ]; then
    exec 3<&0
    ( ( read -r _ <&3 || kill -9 $$ ) 2>/dev/null & )
    exec 3<&-
fi

# Each call holds four sockets or more; the usual limit of 1,024 files would stop at two hundred calls.
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 65536 ] || ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"

unset TELEPHONY_AMI_VIEW_SECRET TELEPHONY_AMI_PUBLISH_SECRET TELEPHONY_PROOF_SECRET TELEPHONY_CALLER_KEY
exec "$@" -f -C "$state/etc/asterisk.conf" </dev/null
