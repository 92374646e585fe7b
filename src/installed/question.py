import importlib.machinery, json, os, sys, sysconfig
real = os.path.realpath
own = [sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'), sys.prefix, sys.base_prefix, os.path.dirname(sys.executable)]
own = {real(path) for path in own if path}
is_own = lambda path: real(path) in own or os.path.basename(path) in ('lib-dynload', 'DLLs')
print()
print(json.dumps({
    'implementation': sys.implementation.name,
    'version': list(sys.version_info[:2]),
    'free_threaded': bool(sysconfig.get_config_var('Py_GIL_DISABLED')),
    'platform': sysconfig.get_platform(),
    'suffixes': importlib.machinery.EXTENSION_SUFFIXES,
    'paths': [real(path) for path in sys.path if os.path.isdir(path) and not is_own(path)],
}))
