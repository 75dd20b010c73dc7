# SPDX-License-Identifier: Apache-2.0
# The packages. packaging/package configures once for each format, because the library's folder differs,
# and runs cpack. Two builds of one commit must give the same bytes, so they may not contain a path of the
# build folder, a time other than SOURCE_DATE_EPOCH, or the name of the machine.

set(CATRUST_PACKAGE "" CACHE STRING "The package that this build is for: deb, rpm, tgz, or none")
if(CATRUST_PACKAGE STREQUAL "")
  return()
endif()
if(NOT CATRUST_PACKAGE MATCHES "^(deb|rpm|tgz)$")
  message(FATAL_ERROR "CATRUST_PACKAGE is ${CATRUST_PACKAGE}: deb, rpm or tgz is meant")
endif()

set(targets shim libc x509 anchors process openssl load rules verification)
if(CATRUST_TOOLS)
  list(APPEND targets catrust_tool catrust)
  # Flags that distributions require for programs. The shim has its own flags, which fit every libc.
  target_compile_options(catrust_tool PRIVATE -fstack-protector-strong -D_FORTIFY_SOURCE=2)
  target_link_options(catrust PRIVATE -Wl,-z,relro,-z,now)
endif()
foreach(target IN LISTS targets)
  target_compile_options(${target} PRIVATE
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}/=)
endforeach()

set(doc ${CMAKE_INSTALL_DATADIR}/doc/catrust)
set(made ${CMAKE_CURRENT_BINARY_DIR}/packaging)
set(debian ${CMAKE_SOURCE_DIR}/packaging/debian)
set(gzipped "")

# Writes SOURCE, without its name and time, to packaging/NAME.gz.
function(gzip source name)
  add_custom_command(OUTPUT ${made}/${name}.gz
    COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
    COMMAND gzip -9nc ${source} > ${made}/${name}.gz
    DEPENDS ${source} VERBATIM)
  set(gzipped ${gzipped} ${made}/${name}.gz PARENT_SCOPE)
endfunction()

# Man pages are compressed in the distributions' packages, but not in the archive.
if(NOT CATRUST_PACKAGE STREQUAL "tgz")
  file(GLOB pages ${CMAKE_SOURCE_DIR}/tools/man/*.[0-9])
  foreach(page IN LISTS pages)
    get_filename_component(name ${page} NAME)
    string(REGEX REPLACE ".*\\." "" section ${name})
    gzip(${page} ${name})
    install(FILES ${made}/${name}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  install(DIRECTORY DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/catrust/ca.d
    DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                          WORLD_READ WORLD_EXECUTE)
endif()

set(CPACK_PACKAGE_NAME catrust)
set(CPACK_PACKAGE_VENDOR catrust)
set(CPACK_PACKAGE_CONTACT "catrust maintainers <maintainers@catrust.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "make programs trust a company's own CAs")
set(CPACK_PACKAGE_DESCRIPTION
"Behind a corporate CA or a TLS-inspecting proxy, programs fail to verify
servers. With catrust the CAs lie in one directory, and every program that is
started through catrust-run trusts them: Python, curl, PHP, Ruby, Perl and
whatever else loads OpenSSL as a shared library. No file of a program is
edited, nothing is replaced.

catrust fetches a CA from a server and shows it before it is trusted.")
set(CPACK_STRIP_FILES ON)
if(NOT CATRUST_PACKAGE STREQUAL "tgz")
  set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
endif()
set(CPACK_THREADS 1) # the output of xz and zstd depends on it

if(CATRUST_PACKAGE STREQUAL "deb")
  string(TIMESTAMP CATRUST_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
  configure_file(${debian}/changelog.in ${made}/changelog @ONLY)
  gzip(${made}/changelog changelog.Debian)
  gzip(${CMAKE_SOURCE_DIR}/CHANGELOG.md changelog)
  install(FILES ${made}/changelog.Debian.gz ${made}/changelog.gz ${debian}/copyright
          DESTINATION ${doc})
  install(FILES ${debian}/lintian-overrides RENAME catrust
          DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)
  install(PROGRAMS ${debian}/update.d RENAME catrust
          DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/ca-certificates/update.d)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
      "${debian}/prerm;${debian}/postinst;${debian}/triggers;${debian}/conffiles")
  set(CPACK_GENERATOR DEB)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
  set(CPACK_DEBIAN_PACKAGE_SECTION net)
  # packaging/package sets the dependencies: if cpack runs dpkg-shlibdeps itself, it takes the library for
  # one to link with, and adds scripts that run ldconfig.
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
  set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
elseif(CATRUST_PACKAGE STREQUAL "rpm")
  install(FILES ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${doc})
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/catrust)
  set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${CMAKE_SOURCE_DIR}/packaging/preun)
  set(CPACK_GENERATOR RPM)
  set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
  set(CPACK_RPM_PACKAGE_RELEASE 1)
  set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
  set(CPACK_PACKAGE_RELOCATABLE OFF)
  set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
  set(CPACK_RPM_COMPRESSION_TYPE xz)
  set(CPACK_RPM_SPEC_MORE_DEFINE
"%define _buildhost localhost
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _build_id_links none
%define _build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm")
  # Directories that this package must not own.
  set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /etc ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR} ${CMAKE_INSTALL_FULL_MANDIR}
    ${CMAKE_INSTALL_FULL_MANDIR}/man1 ${CMAKE_INSTALL_FULL_MANDIR}/man7
    ${CMAKE_INSTALL_FULL_DATADIR}/licenses
    ${CMAKE_INSTALL_FULL_DATADIR}/bash-completion
    ${CMAKE_INSTALL_FULL_DATADIR}/bash-completion/completions
    ${CMAKE_INSTALL_FULL_DATADIR}/fish ${CMAKE_INSTALL_FULL_DATADIR}/fish/vendor_completions.d
    ${CMAKE_INSTALL_FULL_DATADIR}/zsh ${CMAKE_INSTALL_FULL_DATADIR}/zsh/site-functions)
else()
  install(FILES ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/README.md
          ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${doc})
  set(CPACK_GENERATOR TGZ)
  set(CPACK_PACKAGE_FILE_NAME catrust-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
endif()
if(gzipped)
  add_custom_target(gzipped ALL DEPENDS ${gzipped})
endif()
include(CPack)
