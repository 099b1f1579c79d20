# Debian packages, by what needs them. Sourced by install_packages.

# What the programs are built with and run on.
PACKAGES_BUILD="build-essential cmake ninja-build pkg-config libssl-dev libp11-dev softhsm2 libsofthsm2-dev
  libmicrohttpd-dev libgnutls28-dev libsqlite3-dev libjansson-dev libcurl4-openssl-dev libseccomp-dev uuid-dev
  libcjose-dev"
# What the rehearsal needs besides: a real firmware image and the tools that make keys and certificates.
PACKAGES_RUN="opensbi curl openssl openssh-client python3 python3-cryptography ca-certificates"
# What the tests need besides: foreign tools that check our outputs.
PACKAGES_TEST="libcmocka-dev libbearssl-dev libsodium-dev sqlite3 python3-cbor2 python3-jsonschema python3-jwt opensc gnutls-bin strace git tzdata"
# What scripts/fuzz needs besides.
PACKAGES_FUZZ="clang libclang-rt-dev"
