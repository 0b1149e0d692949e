"""Runs a PlatformIO script as SCons would: with Import and env, and prints the folders that it adds for the compiler."""

import configparser
import sys

script, build_dir, ini = sys.argv[1:]
project = configparser.ConfigParser(interpolation=None)
project.read(ini)


class Env:
    added = []

    def subst(self, text):
        return text.replace("$BUILD_DIR", build_dir)

    def GetProjectOption(self, name, default=None):
        return project["env:esp32"].get(name, default)

    def Append(self, **more):
        self.added += more["CPPPATH"]


env = Env()
with open(script) as source:
    exec(compile(source.read(), script, "exec"), {"env": env, "Import": lambda name: None})
print("\n".join(env.added))
