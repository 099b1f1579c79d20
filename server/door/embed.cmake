# cmake -DIN=file -DOUT=file.c -DNAME=symbol -DHEADER=header -P embed.cmake: a file as a C array.
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE "${OUT}.tmp" "#include \"${HEADER}\"\nconst unsigned char ${NAME}[] = {\n${bytes}};\nconst size_t ${NAME}_len = sizeof ${NAME};\n")
file(RENAME "${OUT}.tmp" "${OUT}")
