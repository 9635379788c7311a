// A chat for one team: the stack as a component of another program.
package main

import (
	openwebui "example.com/pulumi-open-webui-stack/sdk/go/openwebuistack"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		settings := config.New(ctx, "")
		replicas := settings.GetInt("replicas")
		if replicas == 0 {
			replicas = 2
		}

		// The names are fixed, so Secrets and ConfigMaps change in place. The last option overrides manual changes.
		cluster, err := kubernetes.NewProvider(ctx, "cluster", &kubernetes.ProviderArgs{
			Context:                pulumi.String(settings.Require("kubeContext")),
			Kubeconfig:             pulumi.String(""),
			ClusterIdentifier:      pulumi.String("team-chat"),
			EnableSecretMutable:    pulumi.Bool(true),
			EnableConfigMapMutable: pulumi.Bool(true),
			EnablePatchForce:       pulumi.Bool(true),
		})
		if err != nil {
			return err
		}

		chat, err := openwebui.NewOpenWebUIStack(ctx, "chat", &openwebui.OpenWebUIStackArgs{
			Namespace: pulumi.StringRef("team-chat"),
			OpenWebui: &openwebui.OpenWebUISettingsArgs{
				Replicas:         pulumi.Int(replicas),
				OpenaiApiBaseUrl: pulumi.String("https://models.example.com/v1"),
				Uploads:          openwebui.UploadSettingsArgs{AcceptLoss: pulumi.Bool(true)},
			},
			OpenaiApiKey: settings.RequireSecret("openaiApiKey"),
		}, pulumi.ProviderMap(map[string]pulumi.ProviderResource{"kubernetes": cluster}))
		if err != nil {
			return err
		}

		ctx.Export("url", chat.WebuiUrl)
		ctx.Export("databaseUrl", chat.DatabaseUrl)
		return nil
	})
}
