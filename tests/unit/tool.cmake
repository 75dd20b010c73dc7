# Unit tests of catrust, by its rooms.

if(NOT TARGET PkgConfig::CHECK)
  pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
endif()

foreach(path IN ITEMS
    base/escape
    base/json
    net/starttls
    net/target
    certs/aia
    certs/candidate
    certs/chain
    certs/fingerprint
    store/directories
    store/scopedir
    verify/names
    env/env
    fetch/aiafetch
    mount/covered
    doctor/diagnose
    stacks/stacks)
  get_filename_component(name ${path} NAME)
  add_executable(tool_${name} ${CMAKE_CURRENT_LIST_DIR}/${path}.c)
  target_include_directories(tool_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(tool_${name} PRIVATE
    catrust_tool catrust_warnings catrust_sanitizers PkgConfig::CHECK)
  add_test(NAME tool-${name} COMMAND tool_${name})
  set_tests_properties(tool-${name} PROPERTIES LABELS unit TIMEOUT 300
    ENVIRONMENT CK_DEFAULT_TIMEOUT=60)
endforeach()
