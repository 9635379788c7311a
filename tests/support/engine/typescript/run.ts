// Runs one command of the engine on a compiled program, and prints its events as lines of JSON.
//
// Usage: node run.js preview|up|destroy PROGRAM PROJECT_DIRECTORY STACK
import { LocalWorkspace, Stack } from "@pulumi/pulumi/automation";

const [command, program, workDir, stackName] = process.argv.slice(2);

async function main(): Promise<void> {
    // As the language host runs it: the exports of the module are the outputs.
    const run = async () => require(program);
    const stack: Stack = await LocalWorkspace.createOrSelectStack({ stackName, projectName: "chat", program: run }, { workDir });
    const onEvent = (event: unknown) => console.log(JSON.stringify(event));
    const onOutput = (text: string) => console.error(text);
    switch (command) {
        case "preview":
            await stack.preview({ onEvent, onOutput });
            break;
        case "up":
            await stack.up({ onEvent, onOutput });
            break;
        case "destroy":
            await stack.destroy({ onEvent, onOutput });
            break;
        default:
            throw new Error(`unknown command ${command}`);
    }
}

main().catch((error) => {
    console.error(String(error));
    process.exitCode = 1;
});
