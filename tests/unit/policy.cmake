# Unit tests of the shim's policy, against the OpenSSL that they are linked with. The shim without its
# hooks: nothing of the test's own is interposed.

pkg_check_modules(LIBSSL REQUIRED IMPORTED_TARGET libssl)
get_target_property(parts shim SOURCES)
get_target_property(pure trustdir SOURCES)
list(REMOVE_ITEM parts hooks.c files.c gnutls.c ${pure})
list(TRANSFORM parts PREPEND ${CMAKE_CURRENT_LIST_DIR}/../../shim/)
add_library(shim_parts STATIC ${parts} ${CMAKE_CURRENT_LIST_DIR}/shim_openssl.c)
target_compile_definitions(shim_parts PUBLIC _GNU_SOURCE OPENSSL_SUPPRESS_DEPRECATED
                           PRIVATE CATRUST_VERSION="${PROJECT_VERSION}")
# openssl_names.h
target_include_directories(shim_parts PRIVATE $<TARGET_PROPERTY:shim,INCLUDE_DIRECTORIES>)
target_link_libraries(shim_parts PUBLIC trustdir fixture PkgConfig::LIBSSL)

foreach(name binding change edition hint role scope strict trust)
  add_executable(shim_${name} ${CMAKE_CURRENT_LIST_DIR}/shim_${name}.c)
  target_link_libraries(shim_${name} PRIVATE shim_parts)
  add_test(NAME shim-${name} COMMAND shim_${name})
  set_tests_properties(shim-${name} PROPERTIES LABELS unit TIMEOUT 300
    ENVIRONMENT CK_DEFAULT_TIMEOUT=60)
endforeach()
# A minute passes when the test says so.
foreach(name change edition hint trust)
  target_link_options(shim_${name} PRIVATE -Wl,--wrap=clock_gettime)
endforeach()
target_link_options(shim_trust PRIVATE -Wl,--wrap=object_at)
foreach(name malloc calloc realloc trustdir_changed)
  target_link_options(shim_edition PRIVATE -Wl,--wrap=${name})
endforeach()
target_link_options(shim_binding PRIVATE -Wl,--wrap=dl_symbol)
