# Unit tests of the shim, by its rooms. The tests below are linked with an OpenSSL and with the shim, but not with its
# hooks: the test's own calls are not intercepted.

pkg_check_modules(LIBSSL REQUIRED IMPORTED_TARGET libssl)
add_library(linked_openssl STATIC ${CMAKE_CURRENT_LIST_DIR}/linked_openssl.c)
target_compile_definitions(linked_openssl PUBLIC OPENSSL_SUPPRESS_DEPRECATED)
target_link_libraries(linked_openssl PUBLIC fixture PkgConfig::LIBSSL
                      verification rules load openssl public process anchors x509 libc)

foreach(path IN ITEMS
    openssl/binding
    policy/hint
    policy/role
    policy/scope
    policy/strict
    policy/trust
    process/edition)
  get_filename_component(name ${path} NAME)
  add_executable(shim_${name} ${CMAKE_CURRENT_LIST_DIR}/${path}.c)
  target_link_libraries(shim_${name} PRIVATE linked_openssl)
  add_test(NAME shim-${name} COMMAND shim_${name})
  set_tests_properties(shim-${name} PROPERTIES LABELS unit TIMEOUT 300
    ENVIRONMENT CK_DEFAULT_TIMEOUT=60)
endforeach()
# The tests set the clock.
foreach(name edition hint trust)
  target_link_options(shim_${name} PRIVATE -Wl,--wrap=clock_gettime)
endforeach()
target_link_options(shim_trust PRIVATE -Wl,--wrap=object_at)
target_link_libraries(shim_edition PRIVATE allocation)
target_link_libraries(shim_trust PRIVATE allocation)
target_link_options(shim_edition PRIVATE -Wl,--wrap=trustdir_changed)
target_link_options(shim_binding PRIVATE -Wl,--wrap=dl_symbol)
