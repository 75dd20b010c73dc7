# Every build runs certfile_parse() on the corpus. With CATRUST_FUZZ, there is a libFuzzer binary as well:
#   certfile_fuzz -max_len=4096 -max_total_time=180 NEW_FINDS tests/fuzz/corpus
add_executable(certfile_corpus ${CMAKE_CURRENT_LIST_DIR}/certfile_fuzz.c)
target_compile_definitions(certfile_corpus PRIVATE _GNU_SOURCE FUZZ_MAIN)
target_link_libraries(certfile_corpus PRIVATE anchors x509 libc catrust_warnings catrust_sanitizers)

file(GLOB corpus CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/corpus/*)
add_test(NAME fuzz-corpus COMMAND certfile_corpus ${corpus})
set_tests_properties(fuzz-corpus PROPERTIES LABELS unit)

if(CATRUST_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "CATRUST_FUZZ needs clang: libFuzzer comes with it")
  endif()
  # The parser is compiled again, because the fuzzer must see its coverage.
  add_executable(certfile_fuzz ${CMAKE_CURRENT_LIST_DIR}/certfile_fuzz.c
                 ${CMAKE_CURRENT_LIST_DIR}/../../shim/x509/certfile.c
                 ${CMAKE_CURRENT_LIST_DIR}/../../shim/x509/der.c)
  target_include_directories(certfile_fuzz PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../../shim)
  target_compile_definitions(certfile_fuzz PRIVATE _GNU_SOURCE)
  target_compile_options(certfile_fuzz PRIVATE -g -O1 -fno-omit-frame-pointer
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
  target_link_options(certfile_fuzz PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_libraries(certfile_fuzz PRIVATE catrust_warnings)
endif()

# The same for data that others send to catrust or to a program: NAME_corpus runs the corpus, NAME_fuzz is libFuzzer's.
#   starttls_fuzz -max_len=4096 -max_total_time=60 NEW_FINDS tests/fuzz/starttls
# The corpus is the folder NAME; aia also uses the corpus of certificate files, because it reads those too.
function(catrust_wire_fuzz name)
  set(here ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  add_executable(${name}_corpus ${here}/${name}_fuzz.c ${here}/runner.c)
  target_link_libraries(${name}_corpus PRIVATE catrust_tool catrust_warnings catrust_sanitizers)
  file(GLOB inputs CONFIGURE_DEPENDS ${here}/${name}/*)
  if(name STREQUAL "aia")
    list(APPEND inputs ${corpus})
  endif()
  add_test(NAME fuzz-${name}-corpus COMMAND ${name}_corpus ${inputs})
  set_tests_properties(fuzz-${name}-corpus PROPERTIES LABELS unit TIMEOUT 60)
  if(CATRUST_FUZZ)
    list(TRANSFORM ARGN PREPEND ${here}/../../tools/catrust/)
    add_executable(${name}_fuzz ${here}/${name}_fuzz.c ${ARGN})
    target_compile_options(${name}_fuzz PRIVATE -g -O1 -fno-omit-frame-pointer
      -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer,address,undefined)
    target_link_libraries(${name}_fuzz PRIVATE catrust_tool catrust_warnings)
  endif()
endfunction()

catrust_wire_fuzz(starttls
  net/starttls/starttls.c net/starttls/starttls_binary.c net/starttls/starttls_line.c
  net/starttls/starttls_xmpp.c base/escape.c base/reason.c)
catrust_wire_fuzz(aia certs/aia.c)
catrust_wire_fuzz(tlsfile program/elffile.c program/procfile.c program/tlsfile.c)
catrust_wire_fuzz(names ../../shim/x509/names.c ../../shim/anchors/scope.c ../../shim/x509/der.c)

# If the shim defers the decoding of a bundle, OpenSSL must be able to decode it. The corpus has both kinds of file.
add_executable(plain_corpus ${CMAKE_CURRENT_LIST_DIR}/plain_fuzz.c ${CMAKE_CURRENT_LIST_DIR}/runner.c
               ${CMAKE_CURRENT_LIST_DIR}/../../shim/load/plain.c)
target_compile_definitions(plain_corpus PRIVATE _GNU_SOURCE)
target_link_libraries(plain_corpus PRIVATE anchors x509 libc OpenSSL::Crypto catrust_warnings catrust_sanitizers)
file(GLOB plain CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/plain/*)
add_test(NAME fuzz-plain-corpus COMMAND plain_corpus ${corpus} ${plain})
set_tests_properties(fuzz-plain-corpus PROPERTIES LABELS unit TIMEOUT 60)
if(CATRUST_FUZZ)
  add_executable(plain_fuzz ${CMAKE_CURRENT_LIST_DIR}/plain_fuzz.c)
  foreach(source load/plain.c x509/sound.c x509/der.c libc/text.c)
    target_sources(plain_fuzz PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../../shim/${source})
  endforeach()
  target_include_directories(plain_fuzz PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../../shim)
  target_compile_definitions(plain_fuzz PRIVATE _GNU_SOURCE)
  target_compile_options(plain_fuzz PRIVATE -g -O1 -fno-omit-frame-pointer
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
  target_link_options(plain_fuzz PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_libraries(plain_fuzz PRIVATE OpenSSL::Crypto catrust_warnings)
endif()
