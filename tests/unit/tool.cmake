# Unit tests of catrust's pure parts.

if(NOT TARGET PkgConfig::CHECK)
  pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
endif()

foreach(name IN ITEMS
    aia
    aiafetch
    candidate
    chain
    env diagnose
    json
    names
    scopedir
    stacks
    starttls
    target
    text)
  add_executable(tool_${name} ${CMAKE_CURRENT_LIST_DIR}/tool_${name}.c)
  target_link_libraries(tool_${name} PRIVATE
    catrust_tool catrust_warnings catrust_sanitizers PkgConfig::CHECK)
  add_test(NAME tool-${name} COMMAND tool_${name})
  set_tests_properties(tool-${name} PROPERTIES LABELS unit TIMEOUT 300
    ENVIRONMENT CK_DEFAULT_TIMEOUT=60)
endforeach()
